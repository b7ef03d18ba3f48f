path "a" { policy = read }
