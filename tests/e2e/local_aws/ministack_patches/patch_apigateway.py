"""API Gateway: the CORS configuration of a template is heeded, functions get cookies where AWS puts them, and a stage
keeps the settings of routes.
"""


def heed_cors_of_templates():
    """ministack keeps what a template says under CloudFormation's names (`AllowOrigins`), and looks for those of the API
    (`allowOrigins`), so it answers as if there were no configuration."""
    from ministack.services import apigateway

    original_preflight = apigateway._cors_preflight_response
    original_headers = apigateway._cors_response_headers

    def with_names_of_the_api(configuration):
        return {name[:1].lower() + name[1:]: value for name, value in (configuration or {}).items()}

    def preflight(configuration, origin):
        return original_preflight(with_names_of_the_api(configuration), origin)

    def headers(configuration, origin):
        return original_headers(with_names_of_the_api(configuration), origin)

    apigateway._cors_preflight_response = preflight
    apigateway._cors_response_headers = headers


def hand_cookies_over_apart():
    """HTTP APIs put the cookies of a request into the event's field `cookies`, and not among its headers. ministack leaves
    them among the headers.

    Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
    """
    from ministack.services import lambda_svc

    original_execute = lambda_svc._execute_function_with_config_scope

    def execute(function, event, *more, **named):
        if isinstance(event, dict) and "rawPath" in event and "cookie" in event.get("headers", {}):
            headers = dict(event["headers"])
            cookies = [cookie.strip() for cookie in headers.pop("cookie").split(";")]
            event = {**event, "headers": headers, "cookies": cookies}
        return original_execute(function, event, *more, **named)

    lambda_svc._execute_function_with_config_scope = execute


def keep_settings_of_routes_and_one_route_for_each_key():
    """A stage keeps the settings of a route that a template gives up, and can't be changed while they name a route that is
    gone. An API has one route for each key. ministack forgets the settings, and takes every route.

    Sources: aws/serverless-application-model#1939, serverless/serverless#8590 and hashicorp/terraform-provider-aws#16094
    (RouteSettings); API Gateway v2 API reference, "CreateRoute", ConflictException.
    """
    from ministack.services import apigateway
    from ministack.services.cloudformation import provisioners

    stages = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Stage"]
    routes = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Route"]
    original_create, original_update = stages["create"], stages["update"]
    original_route = routes["create"]

    def keys(api_id):
        return {route["routeKey"] for route in apigateway._routes.get(api_id, {}).values()}

    def check(api_id, settings):
        for key in settings.keys() - keys(api_id):
            raise ValueError(f"Unable to find Route by key {key} within the provided RouteSettings")

    def create(logical_id, props, stack_name):
        check(props["ApiId"], props.get("RouteSettings", {}))
        return original_create(logical_id, props, stack_name)

    def update(physical_id, old_props, new_props, *more, **named):
        api_id = new_props["ApiId"]
        stage = apigateway._stages.get(api_id, {}).get(new_props["StageName"], {})
        kept = {**stage.get("routeSettings", {}), **new_props.get("RouteSettings", {})}
        check(api_id, kept)
        return original_update(physical_id, old_props, {**new_props, "RouteSettings": kept}, *more, **named)

    def create_route(logical_id, props, stack_name):
        if props["RouteKey"] in keys(props["ApiId"]):
            raise ValueError(f"Route with key {props['RouteKey']} already exists for this API")
        return original_route(logical_id, props, stack_name)

    stages.update(create=create, update=update)
    routes["create"] = create_route
