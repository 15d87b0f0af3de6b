using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>Which dialect's error shape answers under which path (contract, headings A to E).</summary>
internal static class ErrorShapes
{
    // The first that fits wins, so the narrower paths come first.
    private static readonly (PathString Path, ErrorShape Shape)[] Table =
    [
        ("/api/v1/credits", LeadCredits.LeadCreditsErrorBody.WriteAsync),
        ("/api/v1/api-keys", LeadCredits.LeadCreditsErrorBody.WriteAsync),
        ("/api/v1", Profile.ProfileErrorBody.WriteAsync),
    ];

    public static ErrorShape Of(PathString path)
    {
        foreach (var (prefix, shape) in Table)
        {
            if (path.StartsWithSegments(prefix))
            {
                return shape;
            }
        }

        return ProblemBody.WriteAsync;
    }
}
