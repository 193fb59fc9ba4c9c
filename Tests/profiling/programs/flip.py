"""Flips between two chains of calls at full speed; a stack that mixes them never existed."""


def a3():
    return 1


def a2():
    return a3()


def a1():
    return a2()


def b3():
    return 2


def b2():
    return b3()


def b1():
    return b2()


def main():
    print("ready", flush=True)
    while True:
        a1()
        b1()


main()
