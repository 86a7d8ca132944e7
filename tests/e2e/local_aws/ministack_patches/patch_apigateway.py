"""API Gateway: the CORS configuration of a template is heeded, and functions get cookies where AWS puts them."""


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
