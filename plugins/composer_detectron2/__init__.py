"""The published models of detectron2: names, addresses, figures, and the specs that they are."""
