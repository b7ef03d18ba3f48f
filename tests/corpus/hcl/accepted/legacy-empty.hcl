path "a" { policy = "" }
