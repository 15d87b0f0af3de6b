using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Metering.Gateway.Payments.Stripe;

/// <summary>Stripe refused a call, or could not be asked.</summary>
/// <param name="message">What went wrong; Stripe's own messages hold no secret.</param>
/// <param name="isTransient">True where the same call may succeed later, or may have taken effect.</param>
/// <param name="inner">The cause; null for none.</param>
internal sealed class StripeException(string message, bool isTransient, Exception? inner = null) : PaymentProviderException(message, isTransient, inner)
{
    /// <summary>The HTTP status; null where there was no answer.</summary>
    public HttpStatusCode? Status { get; init; }

    /// <summary>Stripe's type: <c>card_error</c>, <c>invalid_request_error</c>, <c>idempotency_error</c>, <c>api_error</c>.</summary>
    public string? Type { get; init; }

    /// <summary>Stripe's code: <c>card_declined</c>, <c>authentication_required</c>, <c>resource_missing</c>.</summary>
    public string? Code { get; init; }

    /// <summary>The payment intent that a card error is about; undefined for none.</summary>
    public JsonElement PaymentIntent { get; init; }
}

/// <summary>
/// Calls Stripe's API (docs.stripe.com/api): forms in, JSON out, a pinned version, an idempotency key on every POST, and calls that may
/// succeed later made again under the same key, so that none takes effect twice.
/// </summary>
internal sealed class StripeClient(IHttpClientFactory clients, PaymentOptions options, TimeProvider time)
{
    /// <summary>The name of its HTTP client.</summary>
    public const string ClientName = "metering-stripe";

    /// <summary>The version of the API that requests and answers are written for.</summary>
    public const string Version = "2024-06-20";

    private readonly StripeOptions stripe = options.Stripe;

    /// <summary>Reads an object or a list.</summary>
    /// <param name="path">The path behind the API's base, with a slash at its beginning.</param>
    /// <param name="query">The parameters.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StripeException">Stripe refused, or could not be asked.</exception>
    public Task<JsonElement> GetAsync(string path, IEnumerable<KeyValuePair<string, string>> query, CancellationToken cancellationToken)
    {
        var text = string.Join('&', query.Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value)}"));
        return SendAsync(() => new(HttpMethod.Get, stripe.ApiBase + path + (text.Length == 0 ? string.Empty : $"?{text}")), cancellationToken);
    }

    /// <summary>Reads an object; null where there is none.</summary>
    public async Task<JsonElement?> FindAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync(path, [], cancellationToken).ConfigureAwait(false);
        }
        catch (StripeException error) when (error.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Makes or changes an object.</summary>
    /// <param name="path">The path behind the API's base.</param>
    /// <param name="form">The parameters.</param>
    /// <param name="idempotencyKey">The same key never takes effect twice; at most 255 characters.</param>
    /// <param name="cancellationToken">Ends the wait; the call may take effect.</param>
    /// <exception cref="StripeException">Stripe refused, or could not be asked.</exception>
    public Task<JsonElement> PostAsync(string path, IEnumerable<KeyValuePair<string, string>> form, string idempotencyKey, CancellationToken cancellationToken)
    {
        KeyValuePair<string, string>[] pairs = [.. form];
        return SendAsync(
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Post, stripe.ApiBase + path) { Content = new FormUrlEncodedContent(pairs) };
                request.Headers.Add("Idempotency-Key", idempotencyKey);
                return request;
            },
            cancellationToken);
    }

    private async Task<JsonElement> SendAsync(Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var (answer, error, retryAfter) = await TrySendAsync(make, cancellationToken).ConfigureAwait(false);
            if (error is null)
            {
                return answer;
            }

            if (!error.IsTransient || attempt >= stripe.Retries)
            {
                throw error;
            }

            await Task.Delay(WaitOf(attempt, retryAfter), time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Twice as long each time, and not the same for all who wait; longer only where Stripe says so.</summary>
    private TimeSpan WaitOf(int attempt, TimeSpan? retryAfter)
    {
        var wait = stripe.FirstRetry * (Math.Pow(2, attempt) * (0.5 + (Random.Shared.NextDouble() / 2)));
        return retryAfter > wait && retryAfter <= StripeOptions.LongestWait ? retryAfter.Value : wait < StripeOptions.LongestWait ? wait : StripeOptions.LongestWait;
    }

    private async Task<(JsonElement Answer, StripeException? Error, TimeSpan? RetryAfter)> TrySendAsync(Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(stripe.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var client = clients.CreateClient(ClientName);
            using var request = make();
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", stripe.ApiKey);
            request.Headers.Add("Stripe-Version", Version);
            using var response = await client.SendAsync(request, either.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
            var json = Parse(body);
            return response.IsSuccessStatusCode && json is { } answer
                ? (answer, null, null)
                : (default, ErrorOf(response, json), response.Headers.RetryAfter?.Delta);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            return (default, new($"Stripe did not answer within {stripe.Timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s.", isTransient: true, error), null);
        }
        catch (HttpRequestException error)
        {
            return (default, new($"Stripe cannot be reached: {error.Message}", isTransient: true, error), null);
        }
    }

    private static JsonElement? Parse(byte[] body)
    {
        try
        {
            return JsonElement.Parse(body);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static StripeException ErrorOf(HttpResponseMessage response, JsonElement? json)
    {
        var error = json?.Member("error");
        var status = response.StatusCode;

        // An answer that says it went well and is no JSON came from somebody in between; nobody knows what Stripe did.
        var isTransient = response.IsSuccessStatusCode || status is HttpStatusCode.Conflict or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)status >= 500;
        return new($"Stripe answered {(int)status}: {error?.Text("message") ?? "no reason given"}", isTransient)
        {
            Status = status,
            Type = error?.Text("type"),
            Code = error?.Text("code"),
            PaymentIntent = error?.Member("payment_intent") ?? default,
        };
    }
}

/// <summary>Reads members that may be missing.</summary>
internal static class StripeJson
{
    /// <summary>A member; null where it is missing or null.</summary>
    public static JsonElement? Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var member) && member.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined) ? member : null;

    /// <summary>A text; null where it is missing or something else.</summary>
    public static string? Text(this JsonElement element, string name) => element.Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>A text that must be there.</summary>
    /// <exception cref="StripeException">It is missing.</exception>
    public static string RequiredText(this JsonElement element, string name) => element.Text(name) ?? throw new StripeException($"Stripe's answer has no {name}.", isTransient: true);

    /// <summary>A whole number that must be there.</summary>
    /// <exception cref="StripeException">It is missing.</exception>
    public static long RequiredNumber(this JsonElement element, string name) => element.Member(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var value)
        ? value
        : throw new StripeException($"Stripe's answer has no {name}.", isTransient: true);

    /// <summary>The first item of a subscription; null for none.</summary>
    public static JsonElement? FirstItem(this JsonElement subscription) =>
        subscription.Member("items")?.Member("data") is { ValueKind: JsonValueKind.Array } items && items.GetArrayLength() > 0 ? items[0] : null;

    /// <summary>The id of a reference, expanded or not; null for none.</summary>
    public static string? Reference(this JsonElement element, string name) => element.Member(name) is { ValueKind: JsonValueKind.Object } expanded ? expanded.Text("id") : element.Text(name);
}
