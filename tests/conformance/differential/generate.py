"""Generators of Compose projects, each a function (random, count) → cases."""
import random as randoms

import broad, text_forms, trees

GENERATORS = {**broad.GENERATORS, **text_forms.GENERATORS, **trees.GENERATORS}


def cases(name, seed, count):
    return GENERATORS[name](randoms.Random("%s %d" % (name, seed)), count)
