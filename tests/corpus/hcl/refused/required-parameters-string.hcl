path "a" { required_parameters = "a" }
