"""Members: the models of the ensemble as compiled arithmetic over their weights, without what trained them.

Each row is computed by itself, in one order of additions, so an opinion is the same bits for one bar or a million,
for one symbol or a thousand, on one process or two.
"""
