"""Drawings of graphs: as Mermaid or Graphviz text, or as SVG. No plugin is imported."""

from composer.draw.diagram import Diagram, Selection, make_diagram
from composer.draw.dot import to_dot
from composer.draw.mermaid import to_mermaid
from composer.draw.svg import to_svg

__all__ = ["Diagram", "Selection", "make_diagram", "to_dot", "to_mermaid", "to_svg"]
