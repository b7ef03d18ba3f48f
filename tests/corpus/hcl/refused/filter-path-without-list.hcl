path "a" { capabilities = ["scan"] list_scan_response_keys_filter_path = "{{ .key }}" }
