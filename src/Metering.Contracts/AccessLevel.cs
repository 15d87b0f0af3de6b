namespace Metering;

/// <summary>
/// What an account's subscription gives access to (003, "Subscription Access Levels"), lowest first: a product that needs a level is
/// open to that level and every higher one. The numbers are part of the stored format.
/// </summary>
public enum AccessLevel : byte
{
    /// <summary>A trial: products that need nothing more.</summary>
    Trial = 0,

    /// <summary>Record data of companies that visited the customer's website.</summary>
    WebVisitors = 1,

    /// <summary>A bundle of its own for the API, without the web interface.</summary>
    ApiOnly = 2,

    /// <summary>Everything: basic and advanced search.</summary>
    Platform = 3,
}

/// <summary>The names that configuration and the dialects use for <see cref="AccessLevel"/>.</summary>
public static class AccessLevels
{
    /// <summary>The name, for example <c>api_only</c>.</summary>
    /// <param name="level">The level.</param>
    public static string ToName(this AccessLevel level) => level switch
    {
        AccessLevel.Trial => "trial",
        AccessLevel.WebVisitors => "web_visitors",
        AccessLevel.ApiOnly => "api_only",
        AccessLevel.Platform => "platform",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "Not an access level."),
    };

    /// <summary>Reads a name as <see cref="ToName"/> writes it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="level">The level, or <see cref="AccessLevel.Trial"/>.</param>
    public static bool TryParse(string? name, out AccessLevel level)
    {
        foreach (var candidate in Enum.GetValues<AccessLevel>())
        {
            if (candidate.ToName() == name)
            {
                level = candidate;
                return true;
            }
        }

        level = AccessLevel.Trial;
        return false;
    }
}
