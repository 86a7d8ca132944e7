"""API Gateway: the CORS configuration of a template is heeded."""


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
