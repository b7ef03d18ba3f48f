path "{{a {{b}} }}" {}
