path "a" { policy {} }
