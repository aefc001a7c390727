"""Fault injection: processes are killed, connections cut, disks filled, and the data is checked afterwards."""
