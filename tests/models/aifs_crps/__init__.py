"""An ensemble whose members differ by the noise that the network is conditioned on."""
