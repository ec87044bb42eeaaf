"""Paper: a futures venue on loopback that speaks the real one's protocol, so that any client can trade against it.

The exchange itself is a value machine in `execution/exchange`; here are only its doors, its clock, its market's
pump, and a control port through which a test breaks what a real venue breaks.
"""
