"""Training: from bars to a registered ensemble, each step a function of values, the long ones resumable.

plan -> sample -> members (here or on Ray) -> seats, panels -> judgement on bars nobody learned from -> registry.
"""
