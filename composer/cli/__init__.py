"""The command line. Commands import what they need only when they run, so that help is instant."""
