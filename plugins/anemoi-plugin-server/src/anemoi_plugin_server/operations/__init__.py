"""What those need who run a server: its health, its metrics, its logs, its end, its backup."""
