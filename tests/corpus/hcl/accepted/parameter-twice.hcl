path "a" { denied_parameters { a = [] a = ["x"] } }
