path "a" { denied_parameters { a = [] } denied_parameters { b = ["x"] } }
