using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Setup;

/// <summary>Where a model answers (section <c>Metering:Suggestions</c>).</summary>
/// <param name="ApiBase">The base of an OpenAI-compatible API, for example <c>http://127.0.0.1:8000/v1</c>.</param>
/// <param name="Model">The model's name.</param>
/// <param name="ApiKey">The key; null for none.</param>
/// <param name="Timeout">How long an answer may take; then the local suggester answers.</param>
internal sealed record SuggestionOptions(string ApiBase, string Model, string? ApiKey, TimeSpan Timeout);

/// <summary>Asks a model behind an OpenAI-compatible API; whatever goes wrong there, the local suggester answers.</summary>
internal sealed class RemoteSuggester(
    SuggestionOptions options, LocalSuggester local, IHttpClientFactory clients, TimeProvider time, ILogger<RemoteSuggester> logger) : ICategorySuggester
{
    /// <summary>The name of its HTTP client.</summary>
    public const string ClientName = "metering-suggestions";

    /// <summary>The largest answer that is read, in bytes: a list of words needs a few hundred.</summary>
    private const int LargestAnswer = 1 << 18;

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<CategorySuggestion>> SuggestAsync(string description, int limit, CancellationToken cancellationToken = default)
    {
        var known = local.Categories.ToDictionary(category => category.Id, category => category.Name, StringComparer.Ordinal);
        var answer = await AskAsync(
            $"Choose at most {limit} of these categories that fit the business described by the user, the best first: {string.Join(", ", known.Keys)}.", description, cancellationToken).ConfigureAwait(false);

        // Only what exists: a model may make categories up.
        var chosen = answer.Where(known.ContainsKey).Distinct(StringComparer.Ordinal).Take(limit).ToArray();
        return chosen.Length > 0
            ? [.. chosen.Select((id, place) => new CategorySuggestion(id, known[id], chosen.Length - place))]
            : await local.SuggestAsync(description, limit, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<string>> GenerateKeywordsAsync(string description, int limit, CancellationToken cancellationToken = default)
    {
        var answer = await AskAsync(
            $"Give at most {limit} single words that appear in the names of businesses like the one described by the user, the best first.", description, cancellationToken).ConfigureAwait(false);
        string[] words = [.. answer.Select(word => word.Trim('*', ' ').ToLowerInvariant()).Where(word => word.Length is >= 3 and <= 64 && word.All(char.IsLetterOrDigit)).Distinct().Take(limit)];
        return words.Length > 0 ? [.. words.Select(word => $"*{word}*")] : await local.GenerateKeywordsAsync(description, limit, cancellationToken).ConfigureAwait(false);
    }

    /// <returns>The texts of the model's answer; none where it gave none.</returns>
    private async ValueTask<IReadOnlyList<string>> AskAsync(string task, string description, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var client = clients.CreateClient(ClientName);
            client.MaxResponseContentBufferSize = LargestAnswer;
            client.Timeout = Timeout.InfiniteTimeSpan; // The setting's own time, on the injected clock, is the limit.
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{options.ApiBase}/chat/completions")
            {
                Content = new StringContent(QuestionOf(task, description).ToJsonString(), Encoding.UTF8, "application/json"),
            };
            if (options.ApiKey is not null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", options.ApiKey);
            }

            using var response = await client.SendAsync(request, either.Token).ConfigureAwait(false);
            response.EnsureSuccessStatusCode();
            var body = JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false));
            return body?["choices"]?[0]?["message"]?["content"]?.GetValue<string>() is { } text && JsonNode.Parse(text) is JsonArray words
                ? [.. words.OfType<JsonValue>().Where(word => word.GetValueKind() == JsonValueKind.String).Select(word => word.GetValue<string>())]
                : [];
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested
            && error is HttpRequestException or OperationCanceledException or JsonException or InvalidOperationException or ArgumentException)
        {
            // ArgumentException: a field twice. The address without a user or password that it may hold.
            logger.LogWarning("The model at {Host} gave no answer ({Message}); suggestions are made locally.", new Uri(options.ApiBase).Authority, error.Message);
            return [];
        }
    }

    private JsonObject QuestionOf(string task, string description) => new()
    {
        ["model"] = options.Model,
        ["temperature"] = 0,
        ["messages"] = new JsonArray(
            new JsonObject { ["role"] = "system", ["content"] = $"{task} Answer with a JSON array of strings and nothing else." },
            new JsonObject { ["role"] = "user", ["content"] = description }),
    };
}
