using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Metering.Gateway;

/// <summary>A JSON body, or what was wrong with it.</summary>
/// <typeparam name="T">The wire record.</typeparam>
/// <param name="Value">The body.</param>
/// <param name="Failure">What was wrong.</param>
internal readonly record struct JsonBody<T>(T? Value, Failure? Failure)
    where T : class
{
    public bool TryGet([NotNullWhen(true)] out T? value, [NotNullWhen(false)] out Failure? failure)
    {
        value = Value;
        failure = Failure;
        return value is not null;
    }
}

/// <summary>The fields of a body, for the errors.</summary>
/// <param name="Rules">What each must be, by its path without indexes.</param>
/// <param name="IgnoresOthers">True where other fields are passed over.</param>
internal readonly record struct JsonFields(IReadOnlyDictionary<string, string> Rules, bool IgnoresOthers);

/// <summary>Reads JSON bodies: bounded, strict, and with errors that name the field.</summary>
internal static class JsonBody
{
    /// <summary>The largest body, in bytes.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>The deepest nesting; requests need three levels.</summary>
    public const int MaxDepth = 16;

    /// <param name="context">The request.</param>
    /// <param name="type">How the record is read.</param>
    /// <param name="fields">
    /// What each field must be ("a whole number from 0 to 10"), by its path without indexes ("items[].amount"); for the errors.
    /// </param>
    /// <param name="ignoresOthers">True in the dialects that pass over fields they do not know (A to D).</param>
    public static async ValueTask<JsonBody<T>> ReadAsync<T>(
        HttpContext context, JsonTypeInfo<T> type, IReadOnlyDictionary<string, string> fields, bool ignoresOthers = false)
        where T : class
    {
        var request = context.Request;
        if (!IsJson(request))
        {
            return new(null, new(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The body must be sent as Content-Type: application/json in UTF-8, without Content-Encoding.")
            {
                Field = "Content-Type",
            });
        }

        if (request.ContentLength > MaxBytes)
        {
            return new(null, TooLarge());
        }

        // Read where the server put it: a body that came with its headers is neither copied nor waited for.
        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            var bytes = read.Buffer;
            if (bytes.Length > MaxBytes)
            {
                reader.AdvanceTo(bytes.End);
                return new(null, TooLarge());
            }

            if (read.IsCompleted)
            {
                var body = Parse(bytes, type, new(fields, ignoresOthers));
                reader.AdvanceTo(bytes.End);
                return body;
            }

            reader.AdvanceTo(bytes.Start, bytes.End);
        }
    }

    private static JsonBody<T> Parse<T>(ReadOnlySequence<byte> body, JsonTypeInfo<T> type, JsonFields fields)
        where T : class
    {
        if (body.IsSingleSegment)
        {
            return Parse(body.FirstSpan, type, fields);
        }

        var joined = ArrayPool<byte>.Shared.Rent((int)body.Length);
        try
        {
            body.CopyTo(joined);
            return Parse(joined.AsSpan(0, (int)body.Length), type, fields);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    private static JsonBody<T> Parse<T>(ReadOnlySpan<byte> body, JsonTypeInfo<T> type, JsonFields fields)
        where T : class
    {
        if (body.IsEmpty)
        {
            return new(null, Failure.Invalid(null, "The body is empty; a JSON object is needed."));
        }

        if (!Utf8.IsValid(body))
        {
            return new(null, Failure.Invalid(null, "The body is not valid UTF-8."));
        }

        try
        {
            return JsonSerializer.Deserialize(body, type) is { } value
                ? new(value, null)
                : new(null, Failure.Invalid(null, "The body is null; a JSON object is needed."));
        }
        catch (JsonException exception)
        {
            return new(null, JsonFault.Explain(body, exception, fields));
        }
    }

    /// <summary>True where a request has a body at all; some routes can do without.</summary>
    public static bool IsSent(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? (context.Request.ContentLength ?? 1) > 0;

    private static bool IsJson(HttpRequest request) =>
        request.Headers.ContentEncoding.Count == 0 && (request.ContentType is "application/json" || IsJson(request.ContentType));

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase));

    private static Failure TooLarge() =>
        new(StatusCodes.Status413PayloadTooLarge, "body_too_large", $"The body is larger than {MaxBytes} bytes (1 MiB), the most that is allowed.");
}
