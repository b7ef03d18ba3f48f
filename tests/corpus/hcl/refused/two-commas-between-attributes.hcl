path "a" { policy = "read",, comment = 1 }
