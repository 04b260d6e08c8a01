"""CloudEvents: taken in at the door, kept, and brought to the runs that wait for them.

cloud_events   what an event may be
spelling       events as they come over HTTP
models         tables
repository     rows of one tenant
ledger         transactions: publish, take, close
service        the desk: transactions, then signals
sweeping       what a process that died left behind
relaying       events on their way to a broker
mqtt_binding   events as messages of MQTT
"""
