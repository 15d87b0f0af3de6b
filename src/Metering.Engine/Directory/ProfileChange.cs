namespace Metering.Engine;

/// <summary>What a field of a profile becomes.</summary>
/// <param name="Value">The text; null where the field is emptied.</param>
public readonly record struct ChangedText(string? Value);

/// <summary>What changes in a profile. A field that is null here stays as it is.</summary>
public sealed record ProfileChange
{
    /// <summary>The first name.</summary>
    public ChangedText? FirstName { get; init; }

    /// <summary>The last name.</summary>
    public ChangedText? LastName { get; init; }

    /// <summary>The company.</summary>
    public ChangedText? CompanyName { get; init; }

    /// <summary>The company's website.</summary>
    public ChangedText? CompanyWebsite { get; init; }

    /// <summary>A profile after the change.</summary>
    /// <param name="profile">The profile before it.</param>
    public AccountProfile ApplyTo(AccountProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return profile with
        {
            FirstName = FirstName is { } first ? first.Value : profile.FirstName,
            LastName = LastName is { } last ? last.Value : profile.LastName,
            CompanyName = CompanyName is { } company ? company.Value : profile.CompanyName,
            CompanyWebsite = CompanyWebsite is { } website ? website.Value : profile.CompanyWebsite,
        };
    }
}
