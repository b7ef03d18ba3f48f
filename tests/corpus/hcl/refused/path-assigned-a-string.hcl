path = "a"
