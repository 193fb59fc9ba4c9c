"""Local variables whose memory is overwritten, again and again, with what may be there by chance. Argument: a seed."""

import ctypes
import gc
import os
import random
import sys
import time

gc.disable()
chance = random.Random(int(sys.argv[1]))


class Own:
    pass


class OwnList(list):
    pass


def word(addresses):
    return chance.choice(
        [
            chance.choice(addresses),
            chance.choice(addresses) + 8 * chance.randrange(8),
            chance.randrange(64),
            1 << chance.randrange(64),
            2**64 - 1 - chance.randrange(64),
            chance.getrandbits(64),
        ]
    )


def frame():
    a_list, an_own_list = [1, [2, "three"], None], OwnList([4, 5])
    a_tuple, a_nested = (1, ("two", 3.5)), [[[[1]]]]
    a_text, a_wide_text, some_bytes = "text" * 20, "żółw \U0001f40d" * 10, b"bytes" * 20
    a_dict, a_mixed_dict = {"a": 1, "b": [2]}, {1: 2, (3, 4): "five"}
    an_int, a_big_int, a_float = 10**6, 3**400, 2.5
    a_set, an_own = {1, 2, 3}, Own()
    an_own.attribute = 1
    of_an_own = an_own.__dict__

    def inner():
        return a_list

    objects = [
        a_list, an_own_list, a_tuple, a_nested, a_text, a_wide_text, some_bytes, a_dict, a_mixed_dict, an_int,
        a_big_int, a_float, a_set, an_own, of_an_own,
    ]
    addresses = [id(one) for one in objects]
    keys = [ctypes.c_uint64.from_address(id(one) + 32).value for one in (a_dict, a_mixed_dict, of_an_own)]
    # (place, words that belong to it); the word of the reference count stays.
    places = [(address, min(type(one).__basicsize__, 96) // 8) for address, one in zip(addresses, objects)]
    places += [(address, 8) for address in keys]
    # Of our own types the name and the flags only: the interpreter looks at the rest.
    types = [id(Own) + 24, id(Own) + 168, id(OwnList) + 24, id(OwnList) + 168]
    ready = False
    while True:
        for _ in range(20):
            address, words = chance.choice(places)
            place = address + 8 * chance.randrange(1, max(2, words))
            if chance.randrange(8) == 0:
                place = chance.choice(types)
            ctypes.c_uint64.from_address(place).value = word(addresses)
        if not ready:
            os.write(1, b"ready\n")
            ready = True
        time.sleep(0.002)


frame()
