"""Ensemble: several models, each calibrated, heard together; a silent one is never replaced by a fake vote."""
