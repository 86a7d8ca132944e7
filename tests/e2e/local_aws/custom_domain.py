"""A stand-in for a custom domain of the shares' API: an address of this machine, from which every request goes on to it.

Not every browser finds the local AWS's own address of an API, http://ID.execute-api.localhost.
"""

from . import api_client
from .http_server import HttpServer

# Each connection has its own.
OF_A_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class CustomDomain(HttpServer):
    """Listens until the `with` block ends. Before it leads to an API it answers 404."""

    def __init__(self):
        super().__init__()
        self.leads_to = None

    def lead_to(self, aws, deployment):
        """Lead to the shares' API of a stack, and have its functions give this address out.

        The template's parameter `PublicUrl` accepts only https, as an address at AWS must be. The functions also accept
        plain HTTP on 127.0.0.1.
        """
        lambda_client = aws.client("lambda")
        for resource in aws.client("cloudformation").describe_stack_resources(StackName=deployment.stack)["StackResources"]:
            if resource["ResourceType"] != "AWS::Lambda::Function":
                continue
            name = resource["PhysicalResourceId"]
            variables = lambda_client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            if "SHARES_TABLE" in variables:
                environment = {"Variables": {**variables, "PUBLIC_URL": self.url}}
                lambda_client.update_function_configuration(FunctionName=name, Environment=environment)
        self.leads_to = deployment.share_api_url

    def answer(self, method, target, headers, body):
        if self.leads_to is None:
            return 404, {}, b""
        response = api_client.send(method, self.leads_to + target, body or None, end_to_end(headers))
        return response.status, end_to_end(response.headers), response.body


def end_to_end(headers):
    """The headers that are meant for the other end, and not for this connection."""
    return {name: value for name, value in headers.items() if name.lower() not in OF_A_CONNECTION}
