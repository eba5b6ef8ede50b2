"""RegNet X and Y as backbones (Radosavovic et al. 2020; Dollár et al. 2021).

Node type: `regnet_backbone`.
"""
