public struct Hello {}
