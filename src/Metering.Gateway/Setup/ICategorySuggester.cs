namespace Metering.Gateway.Setup;

/// <summary>A category of leads that fits a description.</summary>
/// <param name="Category">Its id.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Score">How well it fits, above 0; only its order means anything.</param>
public sealed record CategorySuggestion(string Category, string Name, double Score);

/// <summary>Helps a new account to say what it looks for. Safe for concurrent use.</summary>
public interface ICategorySuggester
{
    /// <summary>The categories that fit a description best, the best first; none where nothing fits.</summary>
    /// <param name="description">What the customer sells or looks for, in words.</param>
    /// <param name="limit">How many at most, 1 or more.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    ValueTask<IReadOnlyList<CategorySuggestion>> SuggestAsync(string description, int limit, CancellationToken cancellationToken = default);

    /// <summary>Patterns that find such leads by their names: <c>*word*</c>, the best first; none where the description has no words.</summary>
    /// <param name="description">What the customer sells or looks for, in words.</param>
    /// <param name="limit">How many at most, 1 or more.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    ValueTask<IReadOnlyList<string>> GenerateKeywordsAsync(string description, int limit, CancellationToken cancellationToken = default);
}
