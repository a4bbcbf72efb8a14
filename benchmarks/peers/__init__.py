"""Why not k6? This tool, its peers and a bare C loop, each in turn against the same server under the same load."""
