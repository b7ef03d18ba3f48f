path "a" { policy = "nope" }
