"""Flags of `millwright features` and `millwright images`: who runs what programs, and of what."""

import argparse

from cli.instance_flags import connection_flags


def describe_features(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright features`."""
    parser.description = (
        "What an administrator has to enable for the tenant before anybody can use it. The API is "
        "found and logged in to as with 'millwright secrets'."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    enabling = verbs.add_parser("enable", help="let definitions of the tenant use it")
    named = [enabling, verbs.add_parser("disable", help="let nobody use it any more")]
    for verb in named:
        verb.add_argument("name", metavar="NAME", help="for example: programs")
    enabling.add_argument(
        "--image",
        action="append",
        metavar="IMAGE",
        help="of 'containers': what may be run, several times for several, in place of the list "
        "before; without it that list stays",
    )
    for verb in (*named, verbs.add_parser("list", help="list what there is")):
        connection_flags(verb)
    parser.set_defaults(module="cli.features")


def describe_egress(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright egress`."""
    parser.description = (
        "Which hosts the tenant's requests may go to, as far as the installation allows them. A "
        "rule is a host, perhaps with a scheme before it and a port after it: api.example.com, "
        "'*.plant.example', https://mes.plant.example:8443. The API is found and logged in to as "
        "with 'millwright secrets'."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    named = [
        verbs.add_parser("allow", help="allow this, and nothing that is not allowed"),
        verbs.add_parser("deny", help="deny this, whatever is allowed"),
        verbs.add_parser("remove", help="take back what was said"),
    ]
    for verb in named:
        verb.add_argument("rule", metavar="RULE", nargs="+", help="for example: '*.plant.example'")
    asking = verbs.add_parser("check", help="say whether requests go to an address; sends none")
    asking.add_argument("address", metavar="URL", help="for what is not HTTP: mqtts://HOST:PORT")
    for verb in (*named, asking, verbs.add_parser("show", help="show the rules")):
        connection_flags(verb)
    parser.set_defaults(module="cli.egress")


def describe_images(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright images`."""
    parser.description = (
        "Images of containers on this machine, in the folder MILLWRIGHT_PROGRAMS_IMAGES. Nothing "
        "is pulled when a workflow runs: what is here can be run, and nothing else."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    adding = verbs.add_parser("add", help="unpack an image, in place of the one of that name")
    removing = verbs.add_parser("remove", help="remove an image")
    for verb in (adding, removing):
        verb.add_argument("name", metavar="NAME", help="as definitions call it: alpine:3.20")
    adding.add_argument(
        "layout", metavar="LAYOUT", help="folder of an OCI layout: skopeo copy ... oci:LAYOUT:TAG"
    )
    adding.add_argument("--tag", metavar="TAG", help="which image of the layout, if it has several")
    for verb in (adding, removing, verbs.add_parser("list", help="list images")):
        verb.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.set_defaults(module="cli.images")
