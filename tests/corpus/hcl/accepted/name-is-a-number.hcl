name = 3
