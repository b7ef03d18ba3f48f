path "a" { required_parameters = ["a", 1] }
