using System.Reflection;

namespace Metering.Gateway.Setup;

/// <summary>
/// Ranks categories by the words of a description (Okapi BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) and
/// makes patterns of its telling words. It needs nothing outside the process.
/// </summary>
internal sealed class LocalSuggester : ICategorySuggester
{
    // The usual constants: how soon a repeated word stops counting, and how much a long text is held against it.
    private const double Saturation = 1.2;
    private const double LengthWeight = 0.75;

    private const int ShortestWord = 3;

    /// <summary>Words that say nothing of a trade.</summary>
    private static readonly HashSet<string> Empty = new(
        "and the for with our who that are you your from into all any other others sell sells selling offer offers provide provides providing company companies business businesses service services customer customers small medium local new best leads find looking need needs want wants help helps their them they this have has will can".Split(' '),
        StringComparer.Ordinal);

    private readonly (string Id, string Name, Dictionary<string, int> Words, int Length)[] categories;
    private readonly Dictionary<string, int> inCategories = new(StringComparer.Ordinal);
    private readonly double meanLength;

    public LocalSuggester()
    {
        categories = [.. Read().Select(row =>
        {
            var words = WordsOf($"{row.Id.Replace('_', ' ')} {row.Name}").ToArray();
            return (row.Id, row.Name, words.GroupBy(word => word, StringComparer.Ordinal).ToDictionary(word => word.Key, word => word.Count(), StringComparer.Ordinal), words.Length);
        })];
        foreach (var word in categories.SelectMany(category => category.Words.Keys))
        {
            inCategories[word] = inCategories.GetValueOrDefault(word) + 1;
        }

        meanLength = categories.Average(category => category.Length);
    }

    /// <summary>The ids of all categories.</summary>
    public IEnumerable<(string Id, string Name)> Categories => categories.Select(category => (category.Id, category.Name));

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<CategorySuggestion>> SuggestAsync(string description, int limit, CancellationToken cancellationToken = default)
    {
        var words = WordsOf(description).Distinct(StringComparer.Ordinal).Where(inCategories.ContainsKey).ToArray();
        return new([.. categories.Select(category => new CategorySuggestion(category.Id, category.Name, words.Sum(word => ScoreOf(category, word))))
            .Where(suggestion => suggestion.Score > 0)
            .OrderByDescending(suggestion => suggestion.Score).ThenBy(suggestion => suggestion.Category, StringComparer.Ordinal).Take(limit)]);
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<string>> GenerateKeywordsAsync(string description, int limit, CancellationToken cancellationToken = default) => new(
    [
        // Words that few categories share tell most.
        .. WordsOf(description).Distinct(StringComparer.Ordinal).OrderBy(word => inCategories.GetValueOrDefault(word, int.MaxValue)).Take(limit).Select(word => $"*{word}*"),
    ]);

    private double ScoreOf((string Id, string Name, Dictionary<string, int> Words, int Length) category, string word)
    {
        if (!category.Words.TryGetValue(word, out var count))
        {
            return 0;
        }

        var rare = Math.Log(1 + ((categories.Length - inCategories[word] + 0.5) / (inCategories[word] + 0.5)));
        return rare * count * (Saturation + 1) / (count + (Saturation * (1 - LengthWeight + (LengthWeight * category.Length / meanLength))));
    }

    /// <summary>Lower case, without the endings of English plurals, so that "roofers" finds "roofer".</summary>
    private static IEnumerable<string> WordsOf(string text)
    {
        var letters = string.Concat(text.Select(character => char.IsLetterOrDigit(character) ? char.ToLowerInvariant(character) : ' '));
        return letters.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(word => !Empty.Contains(word)).Select(Singular).Where(word => word.Length >= ShortestWord);
    }

    private static string Singular(string word) => word switch
    {
        [.. { Length: >= 3 } stem, 'i', 'e', 's'] => stem + "y",
        [.., 's', 's'] => word,
        [.. { Length: >= 3 } stem, 's'] => stem,
        _ => word,
    };

    private static IEnumerable<(string Id, string Name)> Read()
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("categories.tsv")!);
        return [.. reader.ReadToEnd().Split('\n').Skip(1).Select(line => line.TrimEnd('\r').Split('\t')).Where(fields => fields.Length == 2).Select(fields => (fields[0], fields[1]))];
    }
}
