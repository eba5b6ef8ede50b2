"""The published models of detectron2: names, addresses, metrics, and the specs that they are."""
