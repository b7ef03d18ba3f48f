path "a" { control_group {} }
