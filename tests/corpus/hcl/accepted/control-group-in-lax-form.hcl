path "a" { control_group "x" { factor x "y" { controlled_capabilities = ["help", "header"] identity = { Group_Names = [1] APPROVALS = "0x2" foo = 1 } } } }
