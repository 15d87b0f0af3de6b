using System.Text.Json.Serialization;
using Metering.Core;
using Metering.Engine;

namespace Metering.Gateway.Profile;

/// <summary>
/// What <c>PATCH /api/v1/me</c> may change. A field that was sent is told from one that was left out by its setter having run: null empties
/// a field, silence leaves it.
/// </summary>
internal sealed record ProfilePatchBody
{
    public string? FirstName { get; set => FirstNameChange = new(field = value); }

    public string? LastName { get; set => LastNameChange = new(field = value); }

    public string? CompanyName { get; set => CompanyNameChange = new(field = value); }

    public string? CompanyWebsite { get; set => CompanyWebsiteChange = new(field = value); }

    [JsonIgnore]
    public ChangedText? FirstNameChange { get; private set; }

    [JsonIgnore]
    public ChangedText? LastNameChange { get; private set; }

    [JsonIgnore]
    public ChangedText? CompanyNameChange { get; private set; }

    [JsonIgnore]
    public ChangedText? CompanyWebsiteChange { get; private set; }
}

/// <summary>Checks what <c>PATCH /api/v1/me</c> may change.</summary>
internal static class ProfilePatch
{
    private const int MaxName = 100;
    private const int MaxCompany = 200;

    public static readonly Dictionary<string, string> Fields = new()
    {
        ["firstName"] = $"a text of 1 to {MaxName} characters, or null to empty it",
        ["lastName"] = $"a text of 1 to {MaxName} characters, or null to empty it",
        ["companyName"] = $"a text of 1 to {MaxCompany} characters, or null to empty it",
        ["companyWebsite"] = $"{WebAddress.Rule(MaxCompany)}, or null to empty it",
    };

    /// <param name="body">The body.</param>
    /// <param name="change">The change.</param>
    public static Failure? Read(ProfilePatchBody body, out ProfileChange change)
    {
        change = new()
        {
            FirstName = body.FirstNameChange,
            LastName = body.LastNameChange,
            CompanyName = body.CompanyNameChange,
            CompanyWebsite = body.CompanyWebsiteChange,
        };
        if (change == new ProfileChange())
        {
            return Failure.Invalid(null, $"Nothing was sent that can be changed; allowed: {string.Join(", ", Fields.Keys)}.");
        }

        return Check("firstName", change.FirstName, MaxName)
            ?? Check("lastName", change.LastName, MaxName)
            ?? Check("companyName", change.CompanyName, MaxCompany)
            ?? Check("companyWebsite", change.CompanyWebsite, MaxCompany)
            ?? (change.CompanyWebsite?.Value is { } website && !WebAddress.Is(website) ? Wrong("companyWebsite") : null);
    }

    private static Failure? Check(string field, ChangedText? change, int maxLength) => change?.Value switch
    {
        null => null,
        var text when string.IsNullOrWhiteSpace(text) => Wrong(field),
        var text => CommandRules.CheckText(field, text, maxLength) is { } refusal ? Failure.Of(refusal) : null,
    };

    private static Failure Wrong(string field) => Failure.Invalid(field, $"{field} must be {Fields[field]}.");
}
