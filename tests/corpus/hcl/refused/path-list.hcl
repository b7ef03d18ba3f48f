path = [{}]
