using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Metering.Gateway;

/// <summary>What the OpenAPI document says beyond routes and types: keys, headers, parameters, examples.</summary>
internal static class GatewayOpenApi
{
    /// <summary>What the framework knows the document by.</summary>
    public const string DocumentName = "v1";

    private const string BearerScheme = "bearer";
    private const string ApiKeyScheme = "apiKey";

    /// <summary>Schemas are named after what they hold, without the suffix that wire records have in code.</summary>
    public static string? NameSchema(JsonTypeInfo type)
    {
        var name = OpenApiOptions.CreateDefaultSchemaReferenceId(type);
        return name is not null && type.Type.Assembly == typeof(GatewayOpenApi).Assembly ? WithoutSuffix(name) : name;
    }

    /// <summary>The title and the two ways to send a key.</summary>
    public static Task DescribeDocument(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new() { Title = "Metering", Version = "1", Description = "One pool of credits an account, spent and read in several dialects." };
        document.Servers = null; // The one that it was found on.
        var components = document.Components ??= new();
        components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        components.SecuritySchemes[BearerScheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "Authorization: Bearer KEY",
        };
        components.SecuritySchemes[ApiKeyScheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = "X-API-Key",
            Description = "X-API-Key: KEY",
        };
        return Task.CompletedTask;
    }

    /// <summary>
    /// Credits are numbers; their converter hides that from the generator. Whole numbers are never read from texts here, whatever the
    /// host's own JSON options allow.
    /// </summary>
    public static Task DescribeSchema(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var declared = context.JsonTypeInfo.Type;
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        var orNull = type == declared ? default : JsonSchemaType.Null;
        if (type == typeof(Credits))
        {
            schema.Type = JsonSchemaType.Number | orNull;
            schema.Description = "Credits: a plain decimal with at most 4 decimals.";
            schema.MultipleOf = 0.0001m;
        }
        else if (type == typeof(int) || type == typeof(long))
        {
            schema.Type = JsonSchemaType.Integer | orNull;
            schema.Pattern = null;
        }

        return Task.CompletedTask;
    }

    /// <summary>Security, parameters, headers and examples of one route.</summary>
    public static async Task DescribeOperation(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var isKeyed = metadata.OfType<MeteringKeyRequirement>().Any();
        var documentation = metadata.OfType<RouteDocumentation>().FirstOrDefault();
        if (isKeyed)
        {
            operation.Security =
            [
                new() { [new OpenApiSecuritySchemeReference(BearerScheme, context.Document)] = [] },
                new() { [new OpenApiSecuritySchemeReference(ApiKeyScheme, context.Document)] = [] },
            ];
        }

        if (documentation?.RequestType is { } type)
        {
            await AddRequestBodyAsync(operation, context, type, cancellationToken).ConfigureAwait(false);
        }

        AddParameters(operation, documentation);
        AddHeaders(operation, isKeyed, documentation);
        AddLimitHeaders(operation, isKeyed && !metadata.OfType<WithoutRateLimit>().Any());
        OpenApiExamples.AddBodies(operation, documentation, metadata.OfType<IProducesResponseTypeMetadata>());
        OpenApiExamples.DescribePath(operation, context.Description.RelativePath ?? string.Empty);
        operation.OperationId ??= OperationIdOf(context.Description.HttpMethod ?? string.Empty, context.Description.RelativePath ?? string.Empty);
    }

    private static async Task AddRequestBodyAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, Type type, CancellationToken cancellationToken)
    {
        var name = WithoutSuffix(type.Name);
        var schema = await context.GetOrCreateSchemaAsync(type, null, cancellationToken).ConfigureAwait(false);
        context.Document!.AddComponent(name, schema);
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                ["application/json"] = new() { Schema = new OpenApiSchemaReference(name, context.Document) },
            },
        };
    }

    private static void AddParameters(OpenApiOperation operation, RouteDocumentation? documentation)
    {
        var parameters = operation.Parameters ??= [];
        foreach (var query in documentation?.Query ?? [])
        {
            parameters.Add(new OpenApiParameter
            {
                Name = query.Name,
                In = ParameterLocation.Query,
                Description = query.Description,
                Schema = new OpenApiSchema
                {
                    Type = query.Min is null ? JsonSchemaType.String : JsonSchemaType.Integer,
                    Minimum = query.Min?.ToString(CultureInfo.InvariantCulture),
                    Maximum = query.Max?.ToString(CultureInfo.InvariantCulture),
                    Default = query.Default is { } number ? JsonValue.Create(number) : null,
                },
                Example = query.Example is { } text ? (query.Min is null ? JsonValue.Create(text) : JsonNode.Parse(text)) : query.Default is { } usual ? JsonValue.Create(usual) : null,
            });
        }

        if (documentation is { Spends: true } or { Changes: true })
        {
            parameters.Add(new OpenApiParameter
            {
                Name = IdempotencyKeys.Header,
                In = ParameterLocation.Header,
                Description = "The same key and request get the first answer again, for at least 24 hours; the same key with another request is 422.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 255, Pattern = "^[!-~]+$" },
                Example = "order-4711",
            });
        }

        parameters.Add(new OpenApiParameter
        {
            Name = GatewayMiddleware.RequestIdHeader,
            In = ParameterLocation.Header,
            Description = "Echoed in the answer; made up where it is left out.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 128, Pattern = "^[!-~]+$" },
            Example = "checkout-4711",
        });
    }

    private static void AddHeaders(OpenApiOperation operation, bool isKeyed, RouteDocumentation? documentation)
    {
        foreach (var (status, answer) in operation.Responses ?? [])
        {
            if (answer is not OpenApiResponse response)
            {
                continue;
            }

            var headers = response.Headers ??= new Dictionary<string, IOpenApiHeader>();
            headers[GatewayMiddleware.RequestIdHeader] = Header(JsonSchemaType.String, "Names this call in the service's log.", "req_0123456789abcdef0123456789abcdef");
            if (isKeyed && status != "401")
            {
                headers[CreditsHeaders.Remaining] = Header(JsonSchemaType.Number, "The durable balance after this answer's own effect.", 88);
            }

            var isSuccess = status.StartsWith('2');
            if (isSuccess && documentation is { Spends: true })
            {
                headers[CreditsHeaders.Cost] = Header(JsonSchemaType.Number, "What the call charged; absent where it charged nothing.", 12);
            }

            if (isSuccess && documentation is { Spends: true } or { Changes: true })
            {
                headers[CreditsHeaders.Replayed] = Header(JsonSchemaType.Boolean, "true where this is the first answer to the same idempotency key; absent elsewhere.", true);
            }

            if (status == "401")
            {
                headers["WWW-Authenticate"] = Header(JsonSchemaType.String, "How to authenticate.", "Bearer realm=\"metering\"");
            }

            if (status is "202" or "429" or "503")
            {
                headers["Retry-After"] = Header(JsonSchemaType.Integer, "Seconds until a retry makes sense.", 1);
            }
        }
    }

    private static void AddLimitHeaders(OpenApiOperation operation, bool isLimited)
    {
        foreach (var response in (isLimited ? operation.Responses : null)?.Where(answer => answer.Key != "401").Select(answer => answer.Value).OfType<OpenApiResponse>() ?? [])
        {
            foreach (var (name, description) in RateLimitHeaders.Descriptions)
            {
                response.Headers![name] = Header(JsonSchemaType.Integer, description, name.EndsWith("Limit", StringComparison.Ordinal) ? 60 : name.StartsWith("X-RateLimit-Reset", StringComparison.Ordinal) ? 1_777_593_617 : 17);
            }
        }
    }

    private static OpenApiHeader Header(JsonSchemaType type, string description, JsonNode example) =>
        new() { Description = description, Schema = new OpenApiSchema { Type = type }, Example = example };

    /// <summary>"getAdminV1AccountsById" for GET /admin/v1/accounts/{id}: unique as long as routes are.</summary>
    private static string OperationIdOf(string method, string path)
    {
        var words = path.Split(['/', '-', '.'], StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.StartsWith('{') ? "By" + Capital(word.Trim('{', '}')) : Capital(word));
        return method.ToLowerInvariant() + string.Concat(words);

        static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
    }

    private static string WithoutSuffix(string name)
    {
        const string Suffix = "Body";
        return name.EndsWith(Suffix, StringComparison.Ordinal) ? name[..^Suffix.Length] : name;
    }
}
