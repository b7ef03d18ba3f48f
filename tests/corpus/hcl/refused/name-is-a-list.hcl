name = ["a"]
