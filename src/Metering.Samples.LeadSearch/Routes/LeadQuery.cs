using System.Globalization;
using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>A search as a caller asked for it, checked.</summary>
/// <param name="Category">The category; null for all.</param>
/// <param name="Country">The country; null for all.</param>
/// <param name="Text">A part of the name as it was sent, without blanks around it; null for none.</param>
/// <param name="Limit">The most results, 1 to <see cref="MaxLimit"/>.</param>
public sealed record LeadQuery(Category? Category, Country? Country, string? Text, int Limit)
{
    /// <summary>The most results of one search.</summary>
    public const int MaxLimit = 1_000;

    /// <summary>The most results where the caller does not say.</summary>
    public const int DefaultLimit = 500;

    /// <summary>The longest text, in UTF-16 code units.</summary>
    public const int MaxText = 100;

    private static readonly string[] Parameters = ["category", "country", "q", "limit"];

    /// <summary>Reads a search. A parameter that is empty counts as left out, as forms send it.</summary>
    /// <param name="query">The request's query.</param>
    /// <param name="catalogue">The companies, which know the categories and countries.</param>
    /// <returns>The search, or a refusal that names the parameter and says what is allowed.</returns>
    public static Outcome<LeadQuery> Read(IQueryCollection query, CompanyCatalogue catalogue)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(catalogue);
        var categoryId = ValueOf(query, "category");
        var countryCode = ValueOf(query, "country");
        var text = ValueOf(query, "q");
        var category = categoryId is null ? null : catalogue.FindCategory(categoryId);
        var country = countryCode is null ? null : catalogue.Countries.Find(countryCode);
        var limit = DefaultLimit;
        var refusal = FindStranger(query)
            ?? CheckCategory(categoryId, category)
            ?? CheckCountry(countryCode, country)
            ?? CheckText(text)
            ?? ReadLimit(ValueOf(query, "limit"), out limit);
        return refusal is null ? new LeadQuery(category, country, text, limit) : refusal;
    }

    /// <summary>
    /// What a person reads in the list of transactions: <c>Lead search: Restaurants in US (97 results)</c>, with a text
    /// <c>Lead search: "burger" restaurants in US (3 results)</c>.
    /// </summary>
    /// <param name="results">How many results are charged.</param>
    public string Describe(int results)
    {
        var what = Text is null
            ? Category?.Plural ?? "Companies"
            : $"\"{Text}\" {Category?.PluralInSentence ?? "companies"}";
        var where = Country is null ? string.Empty : $" in {Country.Code.ToUpperInvariant()}";
        return string.Create(CultureInfo.InvariantCulture, $"Lead search: {what}{where} ({results} {(results == 1 ? "result" : "results")})");
    }

    /// <summary>
    /// The whole search in one line. It goes with the charge, so that an idempotency key that comes back with another search is
    /// refused even where both would read the same.
    /// </summary>
    public string ToReference() =>
        string.Create(CultureInfo.InvariantCulture, $"category={Category?.Id}&country={Country?.Code}&limit={Limit}&q={Text}");

    private static string? ValueOf(IQueryCollection query, string parameter) =>
        query[parameter].ToString().Trim() is { Length: > 0 } value ? value : null;

    // A mistyped filter would otherwise be a charge for a much wider search.
    private static Refusal? FindStranger(IQueryCollection query)
    {
        foreach (var (parameter, values) in query)
        {
            if (!Parameters.Contains(parameter, StringComparer.OrdinalIgnoreCase))
            {
                return Refusal.Invalid(parameter, $"{parameter} is not a parameter of this search; allowed: {string.Join(", ", Parameters)}.");
            }

            if (values.Count > 1)
            {
                return Refusal.Invalid(parameter, $"{parameter} was sent {values.Count} times; once is allowed.");
            }
        }

        return null;
    }

    private static Refusal? CheckCategory(string? sent, Category? found) => sent is null || found is not null
        ? null
        : Refusal.Invalid("category", $"category {Quote(sent)} is unknown; GET /categories lists what is allowed, for example restaurant.");

    private static Refusal? CheckCountry(string? sent, Country? found) => sent is null || found is not null
        ? null
        : Refusal.Invalid("country", $"country {Quote(sent)} is unknown; a two-letter code is allowed, for example US. GET /countries lists them.");

    private static Refusal? CheckText(string? sent)
    {
        if (sent is null)
        {
            return null;
        }

        if (sent.Length > MaxText)
        {
            return Refusal.Invalid("q", $"q has {sent.Length} characters; at most {MaxText} are allowed.");
        }

        if (sent.Any(char.IsControl))
        {
            return Refusal.Invalid("q", "q has a control character; only visible characters and blanks are allowed.");
        }

        return TextFolding.Fold(sent).Length > 0 ? null : Refusal.Invalid("q", "q has nothing to search for; a part of a company's name is allowed.");
    }

    private static Refusal? ReadLimit(string? sent, out int limit)
    {
        limit = DefaultLimit;
        return sent is null || (int.TryParse(sent, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaxLimit)
            ? null
            : Refusal.Invalid("limit", $"limit {Quote(sent)} is not a whole number from 1 to {MaxLimit}.");
    }

    private static string Quote(string sent) => $"'{(sent.Length <= 40 ? sent : string.Concat(sent.AsSpan(0, 40), "…"))}'";
}
