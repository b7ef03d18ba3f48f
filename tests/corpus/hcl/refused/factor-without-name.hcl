path "a" { control_group { factor  { controlled_capabilities = ["read"] identity { group_names = ["a"] approvals = 1 } } } }
