using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.OpenApi;

namespace Metering.Gateway;

/// <summary>Examples of requests, answers and parameters.</summary>
internal static class OpenApiExamples
{
    /// <summary>What the parameter of a path names, by the segment before it.</summary>
    private static readonly Dictionary<string, (string Description, string Example)> PathParameters = new()
    {
        ["accounts"] = ("The account's id.", "acme"),
        ["api-keys"] = ("The key's id (\"key_…\"), not the key.", "key_0123456789abcdef01234567"),
        ["coupons"] = ("The coupon's code.", "SPRING-25"),
        ["events"] = ("The id of the payment provider's event.", "evt_00000000000000"),
        ["keys"] = ("The key's id (\"key_…\"), not the key.", "key_0123456789abcdef01234567"),
        ["plans"] = ("The plan's id.", "starter"),
        ["transactions"] = ("The transaction's id.", "txn_00000000000020fghjkmnpqrst"),
    };

    /// <summary>Examples of bodies: of the request, of each success and of each error.</summary>
    public static void AddBodies(OpenApiOperation operation, RouteDocumentation? documentation, IEnumerable<IProducesResponseTypeMetadata> answers)
    {
        if (documentation is null)
        {
            return;
        }

        SetExample(operation.RequestBody?.Content, documentation.RequestExample);
        foreach (var (status, response) in operation.Responses ?? [])
        {
            var isFirstSuccess = operation.Responses!.Keys.First(key => key.StartsWith('2')) == status;
            SetExample(response.Content, documentation.MoreExamples.GetValueOrDefault(status) ?? (isFirstSuccess ? documentation.ResponseExample : null));
        }

        foreach (var answer in answers.Where(answer => answer.StatusCode >= 400 && answer.Type is not null))
        {
            var content = operation.Responses?.GetValueOrDefault(answer.StatusCode.ToString(CultureInfo.InvariantCulture))?.Content;
            foreach (var media in content?.Values ?? [])
            {
                media.Examples = ErrorExamples.Of(answer.StatusCode, answer.Type!, documentation.Errors)
                    .ToDictionary(error => error.Code, error => (IOpenApiExample)new OpenApiExample { Summary = error.Code, Value = error.Body });
            }
        }
    }

    /// <summary>What the parameters of a path name.</summary>
    public static void DescribePath(OpenApiOperation operation, string path)
    {
        var segments = path.Split('/');
        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>().Where(parameter => parameter.In == ParameterLocation.Path))
        {
            var place = Array.FindIndex(segments, segment => segment.StartsWith($"{{{parameter.Name}", StringComparison.Ordinal));
            if (place > 0 && PathParameters.TryGetValue(segments[place - 1], out var named))
            {
                (parameter.Description, parameter.Example) = (named.Description, JsonValue.Create(named.Example));
            }
        }
    }

    private static void SetExample(IDictionary<string, OpenApiMediaType>? content, string? text)
    {
        if (text is null || content is null)
        {
            return;
        }

        foreach (var (type, media) in content)
        {
            media.Example = type.EndsWith("/json", StringComparison.Ordinal) || type.EndsWith("+json", StringComparison.Ordinal) ? JsonNode.Parse(text) : JsonValue.Create(text);
        }
    }
}
