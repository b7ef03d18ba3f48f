path "a" { capabilities = [,] }
